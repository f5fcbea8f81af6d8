/** What a page holds in its hands: wires the queue, the sender and the page's events. */

import { capture } from "./capture";
import { rfc3339 } from "./clock";
import { read, remember } from "./journal";
import { createQueue } from "./queue";
import { utf8, type Row } from "./row";
import { createSender } from "./sender";
import { settingsOf } from "./settings";
import { createTell } from "./tell";
import type { ActionMap, Emitter, EmitterOptions } from "./types";
import { uuid7 } from "./uuid";

export const createEmitter = <Actions extends ActionMap = Record<string, object>>(
  options: EmitterOptions,
): Emitter<Actions> => {
  const settings = settingsOf(options);
  let { userId, sessionId } = settings;
  const offKey = `${settings.name}:off`;
  let isOut = false;
  const closing = new AbortController();
  const { signal } = closing;
  const isOff = (): unknown =>
    signal.aborted || isOut || read(offKey) || (settings.respectDoNotTrack && asksNotToBeTracked());

  const tell = createTell(settings);
  const queue = createQueue(settings, tell);
  const sender = createSender(settings, queue, tell, isOff);

  const emit = (type: string, properties: object = {}, timeMs = Date.now()): string | undefined => {
    if (isOff()) return undefined;
    const id = uuid7();
    const row: Row = { id, userId, sessionId, json: "", bytes: 0 };
    try {
      row.json = JSON.stringify({ id, time: rfc3339(timeMs), type, properties });
      row.bytes = utf8(row.json).length;
      queue.push(row);
      sender.added(row);
    } catch (error) {
      tell(settings.onReject, { ...row, reason: `${error}` });
      void queue.settle([], "rejected", (state) => {
        state.emitted++;
        state.rejected++;
      });
    }
    return id;
  };

  addEventListener("pagehide", sender.leave, { signal });
  addEventListener("pageshow", sender.back, { signal });
  addEventListener("online", sender.run, { signal });
  addEventListener("visibilitychange", sender.run, { signal }); // hidden may be the last that the page hears
  capture(settings, emit, signal);
  if (!isOff()) {
    void queue.inherit();
    void sender.run(); // what earlier pages left
  }

  return {
    emit: emit as Emitter<Actions>["emit"],
    flush: sender.again,
    identify: (user, session = sessionId) => {
      userId = user;
      sessionId = session;
    },
    optOut: async () => {
      isOut = true;
      remember(offKey, "1");
      sender.held.clear();
      const [, ...rows] = await queue.head(1e9);
      await queue.settle(rows, "dropped");
      if (rows.length) tell(settings.onDrop, rows.length, "opted out");
    },
    optIn: () => {
      isOut = false;
      remember(offKey);
    },
    counters: async () => {
      const [{ emitted, accepted, rejected, dropped }] = await queue.head(1);
      return { emitted, accepted, rejected, dropped, queued: emitted - accepted - rejected - dropped };
    },
    close: () => closing.abort(),
  };
};

/** Global Privacy Control, and Do Not Track, which it follows. */
const asksNotToBeTracked = (): boolean | undefined =>
  (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl ||
  (navigator as { doNotTrack?: string | null }).doNotTrack === "1";
