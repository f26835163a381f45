"use strict";
(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? null : Number(cell.dataset.v);
  };
  const sort = (table, head, column) => {
    const isText = head.dataset.sort === "text";
    const first = isText ? "ascending" : "descending";
    const other = isText ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [isText ? row.cells[column].textContent : value(row, column), row]);
    rows.sort(([a], [b]) => {
      if (isText) return sign * a.localeCompare(b, "en");
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (a - b);
    });
    body.append(...rows.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, head, column));
    });
  }

  for (const search of document.querySelectorAll("input[data-table]")) {
    search.parentElement.hidden = false;
    const rows = [...document.getElementById(search.dataset.table).tBodies[0].rows];
    const found = search.parentElement.querySelector("[role=status]");
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
      found.textContent = wanted ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
    });
  }

  const languages = [...document.querySelectorAll("details.language")];
  const choose = document.getElementById("choose");
  if (choose && languages.length) {
    choose.parentElement.hidden = false;
    const show = (number) => {
      languages.forEach((each, index) => {
        each.hidden = index !== number;
        each.open = index === number;
      });
      choose.selectedIndex = number;
      document.getElementById("previous").disabled = number === 0;
      document.getElementById("next").disabled = number === languages.length - 1;
    };
    for (const each of languages) choose.add(new Option(each.querySelector("h3").textContent));
    choose.addEventListener("change", () => show(choose.selectedIndex));
    document.getElementById("previous").addEventListener("click", () => show(choose.selectedIndex - 1));
    document.getElementById("next").addEventListener("click", () => show(choose.selectedIndex + 1));
    const follow = () => {
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      const number = target ? languages.findIndex((each) => each.contains(target)) : -1;
      if (number >= 0) {
        show(number);
        languages[number].scrollIntoView();
      }
    };
    show(0);
    follow();
    addEventListener("hashchange", follow);
  }
})();
