// Presses a button without leaving the page. Without scripts, the form leads back to it.
"use strict";
(() => {
  const said = document.getElementById("said");
  const say = (text) => { said.textContent = text; said.hidden = !text; };

  for (const form of document.querySelectorAll(".ways form")) {
    form.addEventListener("submit", async (event) => {
      const button = event.submitter;
      if (!button) return;
      event.preventDefault();
      const fields = new URLSearchParams(new FormData(form));
      fields.set(button.name, button.value);
      button.disabled = true;
      setTimeout(() => { button.disabled = false; }, 1000);
      say("");
      try {
        const answer = await fetch(form.action, { method: "POST", body: fields });
        if (answer.ok) return;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        say(page.getElementById("said")?.textContent || `The demo answered ${answer.status}.`);
      } catch {
        say("The demo does not answer: has it been stopped?");
      }
    });
  }
})();
