/** A door of the book and the forms of what stands there, in one file: they are used together. */
export { Household } from "./Household";
export { HouseholdForm } from "./HouseholdForm";
export { PersonForm } from "./PersonForm";
