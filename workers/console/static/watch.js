// Says when the console has gone silent: what the page shows then is old, and its buttons lead
// nowhere. As soon as anybody answers at this address again, the page is loaded anew.
"use strict";
(function () {
  // Milliseconds. The console says something every 5 s at least; three of those may be late.
  const SILENT = 15000;
  const ASK_EVERY = 3000;
  let listening = false;
  let over = false;
  let lost = false;
  let heard = 0;
  let asked = 0;

  function show(gone) {
    lost = gone;
    document.getElementById("content").classList.toggle("old", gone);
    for (const note of document.querySelectorAll("[data-lost]")) {
      note.hidden = !gone;
      note.querySelector("time").textContent = new Date(heard).toLocaleTimeString();
    }
    for (const button of document.querySelectorAll("#steer button")) button.disabled = gone;
  }

  function hear() {
    heard = Date.now();
    if (lost) show(false);
  }

  function ask() {
    asked = Date.now();
    fetch(location.href, { method: "HEAD", cache: "no-store", redirect: "manual" }).then(
      // A proxy that answers for a console that is gone says 502 to 504.
      (answer) => { if (lost && answer.status < 500) location.reload(); },
      () => {},
    );
  }

  // The extension for events makes its sources by this, the first one and each that follows.
  htmx.createEventSource = function (address) {
    const source = new EventSource(address, { withCredentials: true });
    if (!listening) hear();
    listening = true;
    for (const name of ["open", "here", "run", "now"]) source.addEventListener(name, hear);
    source.addEventListener("over", () => { over = true; if (lost) show(false); });
    return source;
  };

  setInterval(() => {
    if (!listening || over) return;
    if (!lost && Date.now() - heard > SILENT) show(true);
    if (lost && Date.now() - asked > ASK_EVERY) ask();
  }, 1000);
})();
