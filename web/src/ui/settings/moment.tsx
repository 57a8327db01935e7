// A moment as the settings show it: the day and the time, exact on hover.
import { formatClock, formatDay, formatFull } from "../time_format";

export function Moment({ at }: { at: string }) {
  return (
    <time dateTime={at} title={formatFull(at)}>
      {formatDay(at)}, {formatClock(at)}
    </time>
  );
}
