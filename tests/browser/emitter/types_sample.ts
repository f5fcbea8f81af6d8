import { createEmitter, type Counters } from "actionlog-emitter";

interface Actions {
  CLICK: { locationX: number; locationY: number };
  VIEW: { viewedId: string };
  LOGOUT: { reason?: string };
}

const log = createEmitter<Actions>({ url: "https://log.example/log", userId: "u", sessionId: "s" });
const id: string | undefined = log.emit("CLICK", { locationX: 1, locationY: 2 });
log.emit("LOGOUT");
log.emit("VIEW", { viewedId: id ?? "" }, Date.now());
// @ts-expect-error an unknown type
log.emit("CLIKC", { locationX: 1, locationY: 2 });
// @ts-expect-error a missing property
log.emit("CLICK", { locationX: 1 });
// @ts-expect-error properties are needed
log.emit("CLICK");
// @ts-expect-error a property of the wrong kind
log.emit("VIEW", { viewedId: 5 });
// @ts-expect-error a property that the type has not
log.emit("VIEW", { viewedId: "a", viewdAt: 1 });
// @ts-expect-error no user
createEmitter({ url: "https://log.example/log", sessionId: "s" });

const anything = createEmitter({ url: "https://log.example/log", userId: "u", sessionId: "s" });
anything.emit("WHATEVER", { of: ["any", 1] });
anything.emit("WHATEVER");
const said: Promise<Counters> = anything.counters();
void said;
