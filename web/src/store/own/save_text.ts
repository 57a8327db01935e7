// The same as in net/, for the user interface.
export { saveText } from "../../net/save_file";
