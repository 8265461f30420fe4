/** The screens on which a visit is written down, and the one that follows, in one file: they share nearly everything. */
export { Saved } from "./Saved";
export { Tally } from "./Tally";
export { Visit } from "./Visit";
