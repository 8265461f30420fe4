/** Looking things up in the catalog; a key that the catalog no longer knows is shown as it is. */
import { computed } from "@preact/signals";
import { catalog, type Choice, type Outcome, type Service } from "../data";
import { pick } from "../texts";

export const services = computed<Service[]>(() => catalog.value?.services ?? []);
export const outcomes = computed<Choice[]>(() => catalog.value?.outcomes ?? []);
export const ageBands = computed<Choice[]>(() => catalog.value?.age_bands ?? []);
export const obstacles = computed<Choice[]>(() => catalog.value?.obstacles ?? []);

export function serviceOf(key: string): Service | undefined {
  return services.value.find((service) => service.key === key);
}

function nameIn(list: readonly Choice[], key: string, short: boolean): string {
  const found = list.find((choice) => choice.key === key);
  return found ? pick(short ? found.short : found.name) : key;
}

export const outcomeName = (key: Outcome): string => nameIn(outcomes.value, key, false);
export const bandName = (key: string, short = false): string => nameIn(ageBands.value, key, short);
export const serviceName = (key: string, short = true): string => nameIn(services.value, key, short);
export const levelName = (service: string, level: string, short = true): string =>
  nameIn(serviceOf(service)?.levels ?? [], level, short);
export const obstacleName = (key: string): string => nameIn(obstacles.value, key, false);
export const referralName = (key: string): string => nameIn(catalog.value?.referrals ?? [], key, false);

/** The sign of an outcome, known even before the catalog is. */
export const outcomeIcon = { met: "check", absent: "door", refused: "hand", later: "clock", moved: "arrow" } as const;
