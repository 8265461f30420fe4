/** The drawings by which people who share a phone find their place; each stands beside its word. */
export const Picture = ({ name }: { name: string }) => (
  <svg class="drawing" aria-hidden="true">
    <use href={`/app/icons/pictures.svg#${name}`} />
  </svg>
);
