"use strict";
(() => {
  const steps = [...document.querySelectorAll("details.step")];
  const tools = document.querySelector(".tools");

  const openAll = (open) => steps.forEach((step) => { step.open = open; });

  const openTarget = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) {
      target.open = true;
      target.scrollIntoView({ block: "start" });
    }
  };

  if (tools && steps.length) {
    tools.hidden = false;
    tools.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) openAll(button.dataset.open === "true");
    });
  }

  if (navigator.clipboard) {
    document.querySelectorAll(".live pre").forEach((pre) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(pre.textContent);
          button.textContent = "Copied";
        } catch {
          button.textContent = "Not allowed here";
        }
      });
      pre.parentElement.querySelector("h3").append(button);
    });
  }

  let before = [];
  addEventListener("beforeprint", () => { before = steps.filter((step) => !step.open); openAll(true); });
  addEventListener("afterprint", () => before.forEach((step) => { step.open = false; }));
  addEventListener("hashchange", openTarget);
  openTarget();
})();
