/** Nothing is lost in silence: callbacks, and the console during development. */

import type { Settings } from "./settings";

export type Tell = <Words extends unknown[]>(callback: ((...words: Words) => void) | undefined, ...words: Words) => void;

export const createTell = ({ debug }: Settings): Tell => {
  const say = debug ?? /^(localhost|127\.)/.test(location.hostname);
  return (callback, ...words) => {
    if (say) console.warn("actionlog", ...words);
    // In a task of its own: a callback that throws is the page's error, and stops nothing here.
    if (callback) setTimeout(callback, 0, ...words);
  };
};
