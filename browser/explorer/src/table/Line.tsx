/** One action as a line of the table. Everything in it comes from strangers: it is text, never markup. */

import type { Action } from "../api/types";
import type { View } from "../state/view";
import { moment } from "../time/format";
import { preview } from "./preview";

interface Props {
  readonly action: Action | undefined;
  readonly index: number;
  readonly height: number;
  readonly zone: View["zone"];
  readonly selected: boolean;
  readonly open: boolean;
  readonly onOpen: (action: Action, index: number) => void;
}

/** The id of a line's element, for aria-activedescendant. */
export function lineId(action: Action): string {
  return `line-${action.id}`;
}

export function Line({ action, index, height, zone, selected, open, onOpen }: Props) {
  const place = { transform: `translateY(${index * height}px)`, height: `${height}px` };
  if (!action) return <div class="line waiting" role="row" aria-rowindex={index + 2} style={place} />;
  const [day = "", time = ""] = moment(action.time, zone).split(" ");
  return (
    <div
      id={lineId(action)}
      class="line"
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected || open}
      data-open={open}
      style={place}
      onClick={() => onOpen(action, index)}
    >
      <div class="cell col-time" role="gridcell" title={action.time}>
        <span class="day">{day}</span> {time}
      </div>
      <div class="cell col-type" role="gridcell">
        <bdi>{action.type}</bdi>
      </div>
      <div class="cell col-user" role="gridcell">
        <bdi>{action.userId}</bdi>
      </div>
      <div class="cell col-session" role="gridcell">
        <bdi>{action.sessionId}</bdi>
      </div>
      <div class="cell col-properties" role="gridcell">
        {preview(action.properties).map(({ name, text }) => (
          <span class="piece" key={name}>
            <bdi class="name">{name}</bdi> <bdi>{text}</bdi>{" "}
          </span>
        ))}
      </div>
    </div>
  );
}
