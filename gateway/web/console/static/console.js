// Polls the changing part of the page once a second and swaps it when it changed; ages are counted here in between.
"use strict";
(() => {
  const content = document.getElementById("content");
  const status = document.getElementById("status");
  const pause = document.getElementById("pause");
  const source = content.dataset.poll;
  const EVERY = 1000;
  let tag = "";
  let paused = false;
  let failures = 0;
  let skew = 0;

  const ages = () => {
    const now = Date.now() + skew;
    for (const time of content.querySelectorAll("time:not([data-fixed])")) {
      const seconds = (now - Date.parse(time.dateTime)) / 1000;
      const text = relative(Math.abs(seconds), seconds > 0);
      if (time.textContent !== text) time.textContent = text;
    }
  };

  const relative = (seconds, past) => {
    if (seconds < 1) return "now";
    let text = `${Math.floor(seconds)} s`;
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
      if (seconds >= size) { text = `${Math.floor(seconds / size)} ${unit}`; break; }
    }
    return past ? `${text} ago` : `in ${text}`;
  };

  const say = (word, state) => {
    if (status.textContent !== word) status.textContent = word;
    status.className = state;
  };

  // A person who selects text, writes or has something open keeps it.
  const selecting = () => {
    const chosen = document.getSelection();
    const writes = document.activeElement;
    if (writes && writes.matches("input") && content.contains(writes)) return true;
    return chosen && !chosen.isCollapsed && content.contains(chosen.anchorNode);
  };

  const place = (element) => {
    if (!element || !content.contains(element)) return null;
    const href = element.getAttribute("href");
    const all = href ? [...content.querySelectorAll(`a[href="${CSS.escape(href)}"]`)] : [];
    return { id: element.closest("[id]")?.id, href, index: all.indexOf(element) };
  };

  const refocus = (where) => {
    if (!where) return;
    const target = where.href
      ? content.querySelectorAll(`a[href="${CSS.escape(where.href)}"]`)[where.index]
      : document.getElementById(where.id)?.querySelector("summary");
    target?.focus({ preventScroll: true });
  };

  const swap = (html) => {
    const known = new Set([...content.querySelectorAll("[data-key]")].map((each) => each.dataset.key));
    const open = [...content.querySelectorAll("details[open]")].map((each) => each.id);
    const where = place(document.activeElement);
    content.innerHTML = html;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const each of content.querySelectorAll("[data-key]")) {
      if (!known.has(each.dataset.key)) each.classList.add("fresh");
    }
    refocus(where);
  };

  const poll = async () => {
    if (paused || document.hidden || selecting()) return;
    try {
      const answer = await fetch(source, {
        headers: tag ? { "If-None-Match": tag } : {},
        cache: "no-store",
        signal: AbortSignal.timeout(10000),
      });
      if (answer.status === 401) { location.reload(); return; }
      if (answer.status !== 200 && answer.status !== 304) throw new Error(String(answer.status));
      const there = Date.parse(answer.headers.get("Date"));
      if (there && Math.abs(there - Date.now()) > 5000) skew = there - Date.now();
      if (answer.status === 200) {
        const html = await answer.text();
        if (!paused && !selecting()) {
          swap(html);
          tag = answer.headers.get("ETag") || "";
        }
      }
      failures = 0;
      say("live", "live");
    } catch {
      failures += 1;
      if (failures > 1) say("no answer, trying again", "lost");
    }
  };

  const run = async () => {
    await poll();
    ages();
    setTimeout(run, EVERY * Math.min(1 + failures, 5));
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
    say(paused ? "paused" : "live", paused ? "" : "live");
  });
  setTimeout(run, EVERY);
})();
