// Filters and sorts the rows that already stand in the board, keeps the choice in the address, opens a claim that is
// linked to. It computes no number: the page is complete without it.
(() => {
  "use strict";
  const form = document.getElementById("filters");
  const shown = document.getElementById("shown");
  const bodies = [...document.querySelectorAll(".board tbody")];
  const rows = bodies.map((body) => [...body.querySelectorAll("tr.claim")]);
  const total = rows.flat().length;
  const order = [...form.elements.verdict.options].map((option) => option.value);
  const names = ["verdict", "language", "lane", "sort"];

  const has = (list, wanted) => !wanted || list.split(" ").includes(wanted);
  const size = (row) => (row.dataset.effect ? Math.abs(Math.log(Number(row.dataset.effect))) : -1);
  const sorters = {
    verdict: (one, other) => order.indexOf(one.dataset.verdict) - order.indexOf(other.dataset.verdict),
    effect: (one, other) => size(other) - size(one),
  };

  const apply = () => {
    const wanted = Object.fromEntries(names.map((name) => [name, form.elements[name].value]));
    let visible = 0;
    bodies.forEach((body, index) => {
      const sorted = sorters[wanted.sort] ? [...rows[index]].sort(sorters[wanted.sort]) : rows[index];
      let any = false;
      for (const row of sorted) {
        row.hidden = !(
          has(row.dataset.verdict, wanted.verdict) &&
          has(row.dataset.languages, wanted.language) &&
          has(row.dataset.lanes, wanted.lane)
        );
        any = any || !row.hidden;
        visible += row.hidden ? 0 : 1;
        body.append(row);
      }
      body.hidden = !any;
    });
    shown.textContent = visible === total ? "" : `${visible} of ${total} claims shown`;
  };

  const remember = () => {
    const state = new URLSearchParams(names.map((name) => [name, form.elements[name].value]).filter((pair) => pair[1]));
    history.replaceState(null, "", state.size ? `#${state}` : location.pathname + location.search);
  };

  const follow = () => {
    const hash = decodeURIComponent(location.hash.slice(1));
    const target = hash && document.getElementById(hash);
    if (target) {
      if (target.matches("details")) target.open = true;
      target.scrollIntoView();
      return;
    }
    const state = new URLSearchParams(hash);
    for (const name of names) {
      const options = [...form.elements[name].options].map((option) => option.value);
      form.elements[name].value = options.includes(state.get(name)) ? state.get(name) : "";
    }
    apply();
  };

  form.hidden = false;
  form.addEventListener("change", () => { apply(); remember(); });
  form.addEventListener("reset", () => setTimeout(() => { apply(); remember(); }));
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", follow);
  follow();
})();
