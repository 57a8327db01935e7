// Asks once before something that cannot be taken back.
import { useAction } from "./action_state";
import { Dialog } from "./dialog";
import { FormError } from "./form_error";
import { closeOverlay } from "./overlay";

interface ConfirmProps {
  title: string;
  text: string;
  action: string;
  perform: () => Promise<void>;
  onClose?: () => void;
}

export function ConfirmDialog({ title, text, action, perform, onClose = closeOverlay }: ConfirmProps) {
  const { isBusy, error, run } = useAction(async () => {
    await perform();
    onClose();
  });
  return (
    <Dialog title={title} text={text} onClose={onClose}>
      <FormError error={error} />
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>Cancel</button>
        <button type="button" class="button button-danger" aria-disabled={isBusy} onClick={run}>{action}</button>
      </div>
    </Dialog>
  );
}
