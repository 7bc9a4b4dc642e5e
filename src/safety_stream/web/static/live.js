// Says that there is something new, lets it be paused, and says when nothing is heard any more. Without this the page has
// a plain link to load it again.
"use strict";
const region = document.getElementById("live");
if (region && "EventSource" in window) {
  const after = region.dataset.after;
  const news = document.getElementById("live-news");
  const state = document.getElementById("live-state");
  const pause = document.getElementById("live-pause");
  let stream = null;
  let count = 0;
  let last = after;
  let ended = "";

  const say = () => {
    pause.textContent = stream ? "Pause live news" : "Resume live news";
    pause.setAttribute("aria-pressed", String(!stream));
  };
  const begin = () => {
    stream = new EventSource("/events?after=" + encodeURIComponent(last));
    stream.addEventListener("open", () => { ended = state.textContent = ""; });
    stream.addEventListener("alert", (event) => {
      last = event.lastEventId;
      count += 1;
      news.textContent = count === 1 ? "1 change since this page was made." : count + " changes since this page was made.";
    });
    stream.addEventListener("missing", (event) => {
      last = event.lastEventId;
      news.textContent = "Some news is missing: " + event.data;
    });
    stream.addEventListener("ended", (event) => { ended = state.textContent = event.data; });
    // A browser that is cut off asks again by itself; one that is refused does not.
    stream.addEventListener("error", () => {
      if (stream && stream.readyState === EventSource.CLOSED) {
        end();
        state.textContent = ended || "Live news has ended: load the page again.";
      } else if (!ended) {
        state.textContent = "Live news is interrupted: what is new may not be shown here.";
      }
    });
    say();
  };
  const end = () => { stream.close(); stream = null; say(); };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    state.textContent = "";
    if (stream) { end(); } else { begin(); }
  });
  begin();
}
