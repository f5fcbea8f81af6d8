/** The queue in IndexedDB: shared by the pages of an origin, and there after a crash. The only module that knows it. */

import type { Store } from "./store";

const NAME = "queue";
// Some browsers have left an open request without an answer; the queue is in memory then.
const OPEN_TIMEOUT_MS = 10_000;

const ask = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Rejects where there is none: in some private windows, where storage is blocked, when the disk is full. */
export const indexedStore = async (name: string): Promise<Store> => {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(NAME, { keyPath: "id" });
  const timeout = new Promise<never>((_, reject) => setTimeout(reject, OPEN_TIMEOUT_MS, "does not open"));
  const db = await Promise.race([ask(request), timeout]);
  db.onversionchange = () => db.close();
  return (mode) => {
    const transaction = db.transaction(NAME, mode);
    const entries = transaction.objectStore(NAME);
    return {
      first: (limit) => ask<any>(entries.getAll(null, limit)),
      known: async (ids) => new Set(await ask(entries.getAllKeys(IDBKeyRange.bound(ids[0], ids[ids.length - 1])))),
      put: (entry) => void entries.put(entry),
      remove: (id) => void entries.delete(id),
      end: () =>
        new Promise((resolve, reject) => {
          transaction.oncomplete = resolve;
          transaction.onabort = () => reject(transaction.error);
          transaction.commit?.();
        }),
    };
  };
};
