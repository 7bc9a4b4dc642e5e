// Says that there is something new, lets it be paused, and says when nothing is heard any more. Without this the page has
// a plain link to load it again.
//
// What is critical is said apart from the rest: at once, in words of its own, and with a tone for who wants one. Who has
// the tone need not look, so it sounds, too, when nothing is heard any more. That something was done about a critical
// alert is a change like others.
import { toneOf } from "./tone.js";

const region = document.getElementById("live");
if (region && "EventSource" in window) {
  const news = document.getElementById("live-news");
  const urgent = document.getElementById("live-urgent");
  const state = document.getElementById("live-state");
  const pause = document.getElementById("live-pause");
  const tone = toneOf(document.getElementById("live-sound"));
  const title = document.title;
  let stream = null;
  const critical = new Set();
  let others = 0;
  let last = region.dataset.after;
  let ended = "";

  const SINCE = " since this page was made.";
  const isCritical = (told) => told.priority === "P1" && told.change !== "withdrawn" && told.notify !== false;
  const tell = (told) => {
    if (isCritical(told)) {
      critical.add(told.alert_id);
      const are = critical.size === 1 ? " alert is" : " alerts are";
      urgent.classList.add("ss-urgent");
      document.getElementById("live-critical").textContent = "P1 critical: " + critical.size + are + " new or more urgent" + SINCE;
      document.getElementById("live-see").hidden = false;
      document.title = "(" + critical.size + " P1) " + title;
      tone.sound();
    } else {
      others += 1;
      news.textContent = others + (critical.size ? " other" : "") + (others === 1 ? " change" : " changes") + SINCE;
    }
  };
  const hearsNothing = (said) => {
    if (!state.textContent) tone.sound();
    state.textContent = said;
  };
  const say = () => {
    pause.textContent = stream ? "Pause live news" : "Resume live news";
    pause.setAttribute("aria-pressed", String(!stream));
  };
  const begin = () => {
    stream = new EventSource("/events?after=" + encodeURIComponent(last));
    stream.addEventListener("open", () => { ended = state.textContent = ""; });
    stream.addEventListener("alert", (event) => {
      last = event.lastEventId;
      tell(JSON.parse(event.data));
    });
    stream.addEventListener("missing", (event) => {
      last = event.lastEventId;
      news.textContent = "Some news is missing: " + event.data;
    });
    stream.addEventListener("ended", (event) => { hearsNothing(ended = event.data); });
    // A browser that is cut off asks again by itself; one that is refused does not.
    stream.addEventListener("error", () => {
      if (stream && stream.readyState === EventSource.CLOSED) {
        end();
        hearsNothing(ended || "Live news has ended: load the page again.");
      } else if (!ended) {
        hearsNothing("Live news is interrupted: what is new may not be shown here.");
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
