// A way to another page of those before signing in.
import type { ComponentChildren } from "preact";
import { client } from "../store/client";
import type { Place } from "../store/location";

export function PlaceButton({ place, children }: { place: Place; children: ComponentChildren }) {
  return (
    <button type="button" class="link-button" onClick={() => client.place.goTo(place)}>
      {children}
    </button>
  );
}
