// Keeps a page up to date: reads it again and puts in what differs. Without it, "Refresh" does that.
"use strict";

const pause = document.getElementById("pause");
const link = document.getElementById("link");
let paused = false;
let timer = 0;

function focusables(part) {
  return [...part.querySelectorAll("a[href], button, input, textarea, [tabindex]")];
}

function scrolled(part) {
  return [...part.querySelectorAll(".scroll")].map((box) => ({
    left: box.scrollLeft,
    top: box.scrollTop,
    end: box.scrollTop > 0 && box.scrollHeight - box.scrollTop - box.clientHeight < 4,
  }));
}

function swap(part, fresh) {
  if (part.innerHTML === fresh.innerHTML) return;
  const selection = getSelection();
  if (!selection.isCollapsed && part.contains(selection.anchorNode)) return; // being copied
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  const place = active ? focusables(part).indexOf(active) : -1;
  const address = active && active.getAttribute("href");
  const boxes = scrolled(part);
  part.replaceChildren(...fresh.childNodes);
  [...part.querySelectorAll(".scroll")].forEach((box, number) => {
    const was = boxes[number];
    if (!was) return;
    box.scrollLeft = was.left;
    box.scrollTop = was.end ? box.scrollHeight : was.top;
  });
  if (!active) return;
  const found = focusables(part);
  const same = address && found.find((each) => each.getAttribute("href") === address);
  (same || found[place])?.focus({ preventScroll: true });
}

function take(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const here = [...document.querySelectorAll("[data-live]")].map((part) => part.id).join();
  const there = [...fresh.querySelectorAll("[data-live]")].map((part) => part.id).join();
  if (here !== there) return location.reload(); // an error came, or has gone
  document.querySelectorAll("[data-live]").forEach((part) => {
    swap(part, fresh.getElementById(part.id));
  });
  document.title = fresh.title;
  document.body.dataset.poll = fresh.body.dataset.poll;
}

async function refresh() {
  if (!paused && !document.hidden) {
    try {
      const reply = await fetch(location.href, { cache: "no-store", redirect: "error" });
      if (reply.status === 403) {
        link.textContent = "This console has ended. Open the address of the new one.";
        return;
      }
      const text = await reply.text();
      if (!paused) take(text);
      link.textContent = "";
    } catch {
      link.textContent = "The console does not answer. Does it still run?";
    }
  }
  again();
}

function again() {
  clearTimeout(timer);
  timer = setTimeout(refresh, 1000 * Number(document.body.dataset.poll || 5));
}

// The way to success is in the middle.
document.querySelectorAll(".scroll > svg").forEach((picture) => {
  const box = picture.parentElement;
  box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;
});

if (Number(document.body.dataset.poll)) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
  again();
}

document.getElementById("sql")?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
});
