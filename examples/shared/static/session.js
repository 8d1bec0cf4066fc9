// Shows what each half reads in the session, as it changes. Without this file the pages say it
// once, when they are loaded.
"use strict";

const SECONDS = 2;
const MOST_SECONDS = 60;
const panels = [...document.querySelectorAll("[data-source]")];
const news = document.querySelector("[data-news]");
const ended = document.querySelector("[data-ended]");
let wait = SECONDS;
let timer;

async function ask(panel) {
  let answer;
  try {
    answer = await fetch(panel.dataset.source, { redirect: "error" });
  } catch {
    return "The demo does not answer.";
  }
  if (answer.status === 503) return "The session cannot be reached at the moment (503).";
  if (!answer.ok) return `The answer was ${answer.status}.`;
  return new DOMParser().parseFromString(await answer.text(), "text/html").body;
}

function show(panel, found) {
  const part = document.createElement("div");
  if (typeof found === "string") {
    part.append(Object.assign(document.createElement("p"), { className: "wrong", textContent: found }));
  } else {
    part.append(...found.childNodes);
  }
  const before = panel.textContent.replace(/\s+/g, " ").trim();
  const changed = before !== part.textContent.replace(/\s+/g, " ").trim();
  if (changed) panel.replaceChildren(...part.childNodes);
  return changed;
}

// The rest of the page is from when the session was there.
function tellEnd(isOver) {
  if (!isOver || ended.hasChildNodes()) return;
  const words = "This session has ended. What this page shows is from before.";
  ended.append(Object.assign(document.createElement("p"), { className: "card notice", textContent: words }));
}

async function refresh({ first = false } = {}) {
  clearTimeout(timer);
  if (document.hidden) return; // it asks again when it is seen
  let changed = false;
  let failed = false;
  for (const panel of panels) {
    const found = await ask(panel);
    failed ||= typeof found === "string";
    changed = show(panel, found) || changed;
  }
  if (changed && !first && news) news.textContent = "The session has changed just now.";
  else if (news && !changed) news.textContent = "";
  if (ended) tellEnd(panels.some((panel) => panel.querySelector("[data-nobody]")));
  wait = failed ? Math.min(2 * wait, MOST_SECONDS) : SECONDS;
  clearTimeout(timer);
  timer = setTimeout(refresh, 1000 * wait);
}

document.addEventListener("visibilitychange", () => refresh());
refresh({ first: true });
