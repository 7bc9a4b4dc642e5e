// What somebody set on a page, kept by this browser under a name and sent nowhere. Where a browser keeps nothing, it holds
// for the page alone.
export const remembered = (name) => {
  try { return localStorage.getItem(name); } catch { return null; }
};
export const remember = (name, value) => {
  try { localStorage.setItem(name, value); } catch { /* Kept by nobody: it holds until the page is left. */ }
};
