// A moment as the settings show it, within a sentence; more of it on hover.
import { formatFull, formatMoment } from "../time_format";

export function Moment({ at }: { at: string }) {
  return (
    <time dateTime={at} title={formatFull(at)}>
      {formatMoment(at)}
    </time>
  );
}
