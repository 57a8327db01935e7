// Above whatever page is open: the question who we are, while a command waits for that.
import { client } from "../store/client";
import { later } from "./later";

const StepUpDialog = later(async () => (await import("./settings/step_up_dialog")).StepUpDialog);

export function StepUp() {
  const methods = client.stepUp.due.value;
  return methods && <StepUpDialog methods={methods} />;
}
