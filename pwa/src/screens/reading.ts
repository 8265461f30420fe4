/** What is read or held out to be read, in one file: small screens weigh less together. */
export { Card } from "./Card";
export { Gone } from "./Gone";
export { Guide } from "./Guide";
export { Guides } from "./Guides";
export { Notice } from "./Notice";
