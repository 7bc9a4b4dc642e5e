// Says that there is something new, and lets it be paused. Without this the page has a plain link to load it again.
"use strict";
const region = document.getElementById("live");
if (region && "EventSource" in window) {
  const after = region.dataset.after;
  const news = document.getElementById("live-news");
  const pause = document.getElementById("live-pause");
  let stream = null;
  let count = 0;
  let last = after;

  const begin = () => {
    stream = new EventSource("/events?after=" + encodeURIComponent(last));
    stream.addEventListener("alert", (event) => {
      last = event.lastEventId;
      count += 1;
      news.textContent = count === 1 ? "1 change since this page was made." : count + " changes since this page was made.";
    });
  };
  const end = () => { stream.close(); stream = null; };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    if (stream) { end(); } else { begin(); }
    pause.textContent = stream ? "Pause live news" : "Resume live news";
    pause.setAttribute("aria-pressed", String(!stream));
  });
  begin();
}
