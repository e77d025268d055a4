// Sorting by a click on a heading; the page is complete without it.
const table = document.querySelector("table.kernels");
const headings = [...table.querySelectorAll("th")];
headings.forEach((heading, column) => {
  if (!heading.dataset.sort) return;
  heading.tabIndex = 0;
  const sort = () => {
    const down = heading.getAttribute("aria-sort") !== "descending";
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (body) => {
      const key = body.rows[0].cells[column].dataset.v;
      return heading.dataset.sort === "number" ? Number(key) : key;
    };
    const bodies = [...table.tBodies].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
    });
    table.append(...bodies);
  };
  heading.addEventListener("click", sort);
  heading.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
  });
});
const open = () => document.getElementById(location.hash.slice(1))?.querySelector("details")?.setAttribute("open", "");
addEventListener("hashchange", open);
open();
