/** Light, dark, or as the system says: an attribute of <html>, remembered in localStorage. */

export type Theme = "system" | "light" | "dark";
const NAME = "actionlog-theme";

export function theme(): Theme {
  const stored = localStorage.getItem(NAME);
  return stored === "light" || stored === "dark" ? stored : "system";
}

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme();
}

/** To the other of light and dark, from what is seen now. */
export function toggleTheme(): void {
  const seen = theme() === "system" ? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light") : theme();
  localStorage.setItem(NAME, seen === "dark" ? "light" : "dark");
  applyTheme();
}
