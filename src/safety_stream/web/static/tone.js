// A short tone, for who switched it on: off until then, and kept by this browser. A browser that lets no page sound before
// somebody has done something on it is believed, and the button says so: nobody relies on a tone that cannot come.
import { remember, remembered } from "./remembered.js";

const NOTES = [[880, 0], [660, 0.25]];
const NOTE_SECONDS = 0.25;
const APART_SECONDS = 1;

export const toneOf = (button) => {
  let context = null;
  let until = 0;

  const say = () => {
    button.textContent = !context ? "Sound for P1 is off: turn it on"
      : context.state === "running" ? "Sound for P1 is on: turn it off"
      : "Sound for P1 is held back by the browser: let it sound";
  };
  const sound = () => {
    // Many that come at once are told by one.
    if (!context || context.state !== "running" || context.currentTime < until) return;
    until = context.currentTime + APART_SECONDS;
    for (const [pitch, begins] of NOTES) {
      const at = context.currentTime + begins;
      const source = context.createOscillator();
      const loudness = context.createGain();
      source.frequency.value = pitch;
      loudness.gain.setValueAtTime(0.3, at);
      loudness.gain.exponentialRampToValueAtTime(0.001, at + NOTE_SECONDS);
      source.connect(loudness).connect(context.destination);
      source.start(at);
      source.stop(at + NOTE_SECONDS);
    }
  };
  const turnOn = () => {
    context = new AudioContext();
    context.addEventListener("statechange", say);
  };
  const turnOff = () => {
    context.removeEventListener("statechange", say);
    context.close();
    context = null;
  };

  if (!("AudioContext" in window)) return { sound };
  if (remembered("sound") === "on") turnOn();
  for (const done of ["pointerdown", "keydown"]) {
    document.addEventListener(done, (event) => { if (context && event.target !== button) context.resume(); });
  }
  button.addEventListener("click", () => {
    if (context && context.state === "running") {
      turnOff();
    } else {
      if (!context) turnOn();
      // So that it is heard how loud it will be.
      context.resume().then(sound);
    }
    remember("sound", context ? "on" : "off");
    say();
  });
  button.hidden = false;
  say();
  return { sound };
};
