/** The screens that only a new phone shows, in one file: they come one after another, and no other day. */
export { FirstSync } from "./FirstSync";
export { InsideAnother } from "./InsideAnother";
export { Install } from "./Install";
export { InstallReminder } from "./InstallReminder";
export { Join } from "./Join";
