"use strict";
(() => {
  const announcement = document.getElementById("announcement");

  // Add the buttons that sort a table; without this script there are none.
  const valueOf = (row, column) => {
    const value = row.cells[column].dataset.value;
    return value === undefined ? null : value;
  };
  const sort = (table, column, isNumber, direction) => {
    const factor = direction === "ascending" ? 1 : -1;
    const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
    const rows = Array.from(table.tBodies[0].rows);
    rows.sort((row, other) => {
      const a = valueOf(row, column);
      const b = valueOf(other, column);
      if (a === null || b === null) return (a === null) - (b === null);
      return factor * (isNumber ? Number(a) - Number(b) : words.compare(a, b));
    });
    table.tBodies[0].append(...rows);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      const name = head.textContent;
      const isNumber = head.classList.contains("num");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const first = isNumber ? "descending" : "ascending";
        const second = isNumber ? "ascending" : "descending";
        const direction = before === first ? second : first;
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", direction);
        sort(table, column, isNumber, direction);
        announcement.textContent = `Sorted by ${name}, ${direction}.`;
      });
    });
  }

  const copy = document.getElementById("copy");
  if (navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(document.getElementById("json").textContent);
        announcement.textContent = "JSON copied.";
        copy.textContent = "Copied";
      } catch {
        announcement.textContent = "The browser did not allow copying.";
      }
    });
  }
})();
