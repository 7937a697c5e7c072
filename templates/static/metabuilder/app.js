// Small things the pages need: dialogs, local times, live parts that keep what is open, log following.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);

  // --- Times: stored in UTC, shown local, exact on hover -----------------------------------------
  const parts = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };
  const thisYear = new Intl.DateTimeFormat(undefined, parts);
  const anyYear = new Intl.DateTimeFormat(undefined, { ...parts, year: "numeric" });
  function local(text) {
    const when = new Date(text);
    return (when.getFullYear() === new Date().getFullYear() ? thisYear : anyYear).format(when);
  }
  function words(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
    if (hours) return `${hours} h ${minutes} min`;
    return minutes ? `${minutes} min ${rest} s` : `${rest} s`;
  }
  function localise(root) {
    for (const time of all("time.mb-moment", root)) time.textContent = local(time.dateTime);
  }
  function tick() {
    const now = Date.now();
    for (const time of all("time[data-elapsed]")) time.textContent = words((now - new Date(time.dateTime)) / 1000);
    for (const time of all("time[data-countdown]")) {
      const left = (new Date(time.dateTime) - now) / 1000;
      time.textContent = left > 0 ? `in ${words(left)}` : "now";
    }
  }

  // --- Clicks --------------------------------------------------------------------------------------
  const clicks = {
    opens: (button) => byId(button.dataset.opens)?.showModal(),
    closes: (button) => button.closest("dialog").close(),
    clears: (button) => { const field = byId(button.dataset.clears); field.value = ""; field.focus(); },
    copy: (button) => copied(button, button.dataset.copy),
    copies: (button) => { const from = byId(button.dataset.copies); copied(button, from.value ?? from.textContent); },
    jumpsTo: (button) => jump(button.dataset.jumpsTo),
  };
  async function copied(button, text) {
    await navigator.clipboard.writeText(text);
    button.classList.add("mb-done");
    setTimeout(() => button.classList.remove("mb-done"), 1500);
  }
  document.addEventListener("click", (event) => {
    for (const [name, act] of Object.entries(clicks)) {
      const attribute = `data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      const button = event.target.closest(`[${attribute}]`);
      if (button) act(button);
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.submit();
  });
  document.addEventListener("submit", (event) => {
    const button = event.target.closest("dialog") && event.submitter;
    if (button) setTimeout(() => { button.disabled = true; });
  });

  // --- Keys: `a` and `r` ask to confirm, `f` goes to the failure; nothing acts at once -------------
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, dialog, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "f") jump("failure");
    else if (/^[ar]$/.test(event.key)) document.querySelector(`[data-key="${event.key}"]`)?.click();
  });

  // --- Logs ----------------------------------------------------------------------------------------
  const follows = () => document.querySelector("[data-follows]")?.checked;
  function toEnd() {
    const lines = all(".mb-lines").pop();
    if (lines) lines.scrollTop = lines.scrollHeight;
  }
  function jump(where) {
    if (where === "end") {
      const group = all(".mb-group").pop();
      if (group) group.open = true;
      group?.scrollIntoView({ block: "end" });
      toEnd();
      return;
    }
    const failed = all("details[data-failed]").pop() ?? all(".mb-attempt").pop();
    if (!failed) return;
    failed.open = true;
    failed.scrollIntoView({ block: "start" });
    const lines = failed.querySelector(".mb-lines");
    if (lines) lines.scrollTop = lines.scrollHeight;
  }
  function openTarget() {
    const name = decodeURIComponent(location.hash.slice(1));
    if (!/^[\w-]+$/.test(name)) return;
    const line = name.match(/^e(\d+)L\d+$/);
    const box = byId(line ? `exec-${line[1]}` : name);
    if (box?.tagName === "DETAILS") box.open = true;
    const target = byId(name);
    all(".mb-target").forEach((old) => old.classList.remove("mb-target"));
    target?.classList.add("mb-target");
    target?.scrollIntoView({ block: "center" });
  }

  // --- Live parts: what was open stays open, nobody's typing is thrown away ------------------------
  let open = [];
  function mayReplace(target) {
    return !target.querySelector("dialog[open]") && !(document.activeElement?.matches("textarea") && target.contains(document.activeElement));
  }
  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    if (!/^run-(head|panel)$/.test(target.id)) return;
    if (!mayReplace(target)) event.detail.shouldSwap = false;
    open = all("details[open][id]", target).map((details) => details.id);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    for (const id of open) if (byId(id)) byId(id).open = true;
    open = [];
    localise(document);
    tick();
    showState();
    if (event.detail.target.closest(".mb-log")) {
      document.querySelector(".mb-log-none")?.remove();
      if (/^#e\d+L/.test(location.hash) && !document.querySelector(".mb-target")) openTarget();
      if (follows()) { toEnd(); all(".mb-group").pop()?.scrollIntoView({ block: "end" }); }
    }
  });
  const dots = { failed: "✕", succeeded: "✓", paused_awaiting_approval: "✋", running: "▶", backing_off: "⏲" };
  function showState() {
    const mark = document.querySelector("#run-head .mb-seen");
    if (mark) document.title = `${dots[mark.dataset.state] ?? ""} ${mark.dataset.title}`.trim();
  }

  document.addEventListener("DOMContentLoaded", () => {
    localise(document);
    tick();
    setInterval(tick, 1000);
    showState();
    toEnd();
    openTarget();
  });
  window.addEventListener("hashchange", openTarget);
})();
