// Draws a chart as SVG with Streamlit's own Vega and tells what is wrong with its words: two that lie on each other,
// one beyond the picture, one that a line of the data strikes through. Given [spec, width of the page's column in px].
async ([spec, width, loader]) => {
  const DEEP = 1.5;      // px by which two texts may lie on each other: letters do not fill their boxes
  const STRUCK = 3;      // px of a line within a text's box
  const FAINT = 0.35;    // opacity of lines that are meant to be overlooked
  const {embed, expressionInterpreter} = await (await import(loader)).t();
  const box = document.body.appendChild(document.createElement('div'));
  box.style.width = width + 'px';
  const shown = await embed(box, spec, {ast: true, expr: expressionInterpreter, renderer: 'svg', actions: false,
    tooltip: false, defaultStyle: false});
  await shown.view.runAsync();
  const svg = box.querySelector('svg'), frame = svg.getBoundingClientRect();

  const opacity = node => {
    let all = 1;
    for (let at = node; at !== svg; at = at.parentNode) all *= +(at.style.opacity || at.getAttribute('opacity') || 1);
    return all;
  };
  const corners = (node, left, top, right, bottom) => {
    const {a, b, c, d, e, f} = node.getScreenCTM();
    return [[left, top], [right, top], [right, bottom], [left, bottom]]
      .map(([x, y]) => [a * x + c * y + e - frame.left, b * x + d * y + f - frame.top]);
  };
  const around = quad => {
    const xs = quad.map(p => p[0]), ys = quad.map(p => p[1]);
    return {left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys)};
  };

  // Every line of text, and every formula that is drawn as a path, with the four corners of its ink.
  const words = [];
  const found = (node, order, text, size, quad, haloed) => {
    const same = words.find(w => w.text === text && Math.hypot(w.quad[0][0] - quad[0][0], w.quad[0][1] - quad[0][1]) < 1.5);
    if (same) Object.assign(same, {order, haloed: same.haloed || haloed});
    else words.push({text, size, quad, order, haloed, ...around(quad)});
  };
  const nodes = [...svg.querySelectorAll('text, path, line')];
  nodes.forEach((node, order) => {
    const formula = node.tagName === 'path' && node.closest('g[class*="maths"]');
    if (!formula && (node.tagName !== 'text' || !node.textContent.trim()) || node.closest('g[class*="glyphs"]')
      || opacity(node) < 0.05) return;
    const style = getComputedStyle(node);
    if (+style.fillOpacity < 0.05) return;
    const haloed = style.stroke !== 'none' && parseFloat(style.strokeWidth) >= 2;
    if (formula) {
      const b = node.getBBox();
      if (b.width) found(node, order, 'formula', b.height, corners(node, b.x, b.y, b.x + b.width, b.y + b.height), haloed);
      return;
    }
    const size = parseFloat(style.fontSize), anchor = node.getAttribute('text-anchor');
    let down = 0;
    for (const line of node.children.length ? node.children : [node]) {
      down += line === node ? 0 : +(line.getAttribute('dy') ?? 0);
      const long = line.getComputedTextLength();
      const left = anchor === 'end' ? -long : anchor === 'middle' ? -long / 2 : 0;
      if (long > 0.1 && size > 1)
        found(node, order, line.textContent, size, corners(node, left, down - 0.74 * size, left + long, down + 0.2 * size), haloed);
    }
  });

  // What an opaque box that is drawn later covers is not seen.
  nodes.forEach((node, order) => {
    if (node.tagName !== 'path' || !node.closest('g.mark-rect.role-mark')) return;
    const style = getComputedStyle(node);
    if (style.fill === 'none' || opacity(node) * +style.fillOpacity < 0.99) return;
    const b = node.getBBox(), box = around(corners(node, b.x, b.y, b.x + b.width, b.y + b.height));
    for (let i = words.length; i--;) {
      const w = words[i];
      if (w.order < order && w.left >= box.left && w.right <= box.right && w.top >= box.top && w.bottom <= box.bottom) words.splice(i, 1);
    }
  });

  // How deep two boxes, turned or not, lie in each other: the least way out along a side of either.
  const depth = (one, other) => {
    let least = Infinity;
    for (const quad of [one, other])
      for (const i of [0, 1]) {
        const [dx, dy] = [quad[i + 1][0] - quad[i][0], quad[i + 1][1] - quad[i][1]], long = Math.hypot(dx, dy) || 1;
        const along = q => q.map(p => (p[0] * dx + p[1] * dy) / long);
        const a = along(one), b = along(other);
        least = Math.min(least, Math.min(Math.max(...a), Math.max(...b)) - Math.max(Math.min(...a), Math.min(...b)));
      }
    return least;
  };

  const wrong = [];
  words.forEach((one, i) => {
    if (one.left < -1 || one.right > frame.width + 1 || one.top < -1 || one.bottom > frame.height + 1)
      wrong.push(`beyond the picture: ${one.text}`);
    for (const other of words.slice(i + 1))
      if (one.left < other.right && other.left < one.right && depth(one.quad, other.quad) > DEEP)
        wrong.push(`on each other: ${one.text} | ${other.text}`);
  });

  // Lines of the data that run through a text: those drawn after it, and those under a text without halo.
  nodes.forEach((node, order) => {
    const group = node.closest('g.mark-line, g.mark-rule, g.mark-trail');
    if (!group || !group.classList.contains('role-mark') || node.tagName === 'text') return;
    const sitting = group.matches('[class*="isolines"]');  // their numbers sit on them
    const style = getComputedStyle(node);
    if (style.stroke === 'none' || opacity(node) * +(style.strokeOpacity || 1) < FAINT) return;
    const near = around(corners(node, ...(b => [b.x, b.y, b.x + b.width, b.y + b.height])(node.getBBox())));
    const crossed = words.filter(w => near.left < w.right && near.right > w.left && near.top < w.bottom
      && near.bottom > w.top);
    if (!crossed.length) return;
    const {a, b, c, d, e, f} = node.getScreenCTM();
    const long = node.getTotalLength(), step = Math.max(1, long / 5000);
    const within = crossed.map(() => 0);
    const clip = node.closest('[clip-path]'), shape = clip && svg.querySelector(clip.getAttribute('clip-path').slice(4, -1).replaceAll('"', ''));
    const seen = shape ? around(corners(clip, ...(r => [r.x, r.y, r.x + r.width, r.y + r.height])(shape.firstElementChild.getBBox()))) : null;
    for (let at = 0; at <= long; at += step) {
      const p = node.getPointAtLength(at), x = a * p.x + c * p.y + e - frame.left, y = b * p.x + d * p.y + f - frame.top;
      if (seen && (x < seen.left || x > seen.right || y < seen.top || y > seen.bottom)) continue;
      crossed.forEach((w, i) => {
        const inset = 0.15 * w.size;
        const [[x0, y0], [x1, y1], , [x3, y3]] = w.quad;
        const wide = Math.hypot(x1 - x0, y1 - y0) || 1, high = Math.hypot(x3 - x0, y3 - y0) || 1;
        const right = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / wide;
        const down = ((x - x0) * (x3 - x0) + (y - y0) * (y3 - y0)) / high;
        if (right > 1 && right < wide - 1 && down > inset && down < high - inset) within[i] += step;
      });
    }
    crossed.forEach((w, i) => {
      if (order > w.order || !w.haloed) within[i] > STRUCK && wrong.push(`struck through: ${w.text}`);
      else if (!sitting && within[i] > 0.6 * Math.hypot(w.quad[1][0] - w.quad[0][0], w.quad[1][1] - w.quad[0][1])) wrong.push(`crossed: ${w.text}`);
    });
  });
  shown.finalize();
  box.remove();
  return [...new Set(wrong)];
}
