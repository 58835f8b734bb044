// The visible texts of a page whose colour stands out less than 4.5:1 (WCAG 2, AA) from what is
// behind them. Left out: drawings, icons, the slider's ends and what can't be pressed.
() => {
  const colour = (text) => {
    const found = text.match(/rgba?\(([^)]+)\)/);
    if (!found) return null;
    const [r, g, b, a = 1] = found[1].split(/[ ,/]+/).map(Number);
    return [r, g, b, a];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const upwards = function* (element) {
    for (let at = element; at; at = at.parentElement) yield getComputedStyle(at);
  };
  const behind = (element) => {
    const layers = [];
    for (const style of upwards(element)) {
      const layer = colour(style.backgroundColor);
      if (layer && layer[3] > 0) layers.push(layer);
      if (layer && layer[3] === 1) break;
    }
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const LEFT_OUT = "svg, script, style, noscript, [disabled], [aria-disabled=true], [data-testid=stIconMaterial], [data-testid=stSlider] > div, [data-testid=stPaginationEllipsis]";
  const faint = [];
  let checked = 0;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const words = texts.currentNode.textContent.trim();
    const element = texts.currentNode.parentElement;
    if (!words || element.closest(LEFT_OUT) || !element.checkVisibility() || !element.getBoundingClientRect().width) continue;
    const ink = colour(getComputedStyle(element).color);
    if (!ink) { faint.push(["unknown colour", words]); continue; }
    for (const style of upwards(element)) ink[3] *= Number(style.opacity);
    const ground = behind(element);
    const [a, b] = [light(over(ink, ground)), light(ground)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    checked += 1;
    if (ratio < 4.5) faint.push([ratio.toFixed(2), words.slice(0, 60)]);
  }
  return { checked, faint };
}
