/** What becomes of records once they are saved, in one file. */
export { Refused } from "./Refused";
export { Sync } from "./Sync";
export { Photos } from "./Photos";
