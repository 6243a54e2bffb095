"""The figure of the miniature: win-rate of each method by beta, a dot a seed, a bar of one standard deviation around the mean."""

import statistics
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 56, 20, 40, 56
COLOURS = {"mmpo": "#2563c9", "dpo": "#c2410c", "simpo": "#0f7a5a"}
NAMES = {"mmpo": "MMPO", "dpo": "DPO", "simpo": "SimPO"}


def svg(methods, betas, win_rates):
    """win_rates: (method, beta) -> one number a seed, in percent."""
    marks = [f'<text x="{LEFT}" y="22" class="title">Win-rate over the SFT model after the last epoch, %</text>']
    for tick in range(0, 101, 25):
        y = y_of(tick)
        marks.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" class="grid{" half" if tick == 50 else ""}"/>')
        marks.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>')
    step = (WIDTH - LEFT - RIGHT) / len(methods)
    sentences = []
    for i, method in enumerate(methods):
        for j, beta in enumerate(betas):
            x = LEFT + step * (i + (j + 1) / (len(betas) + 1))
            values = win_rates[method, beta]
            mean = statistics.mean(values)
            deviation = statistics.stdev(values) if len(values) > 1 else 0
            colour = COLOURS[method]
            marks.append(f'<line x1="{x:.1f}" y1="{y_of(mean - deviation):.1f}" x2="{x:.1f}" y2="{y_of(mean + deviation):.1f}" stroke="{colour}" stroke-width="2"/>')
            marks.append(f'<line x1="{x - 9:.1f}" y1="{y_of(mean):.1f}" x2="{x + 9:.1f}" y2="{y_of(mean):.1f}" stroke="{colour}" stroke-width="3"/>')
            marks += [f'<circle cx="{x:.1f}" cy="{y_of(value):.1f}" r="3.2" fill="{colour}" fill-opacity="0.55"/>' for value in values]
            marks.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{escape(beta)}</text>')
            sentences.append(f"{NAMES[method]}, beta {beta}: {mean:.1f} plus or minus {deviation:.1f}.")
        marks.append(f'<text x="{LEFT + step * (i + 0.5):.1f}" y="{HEIGHT - 14}" text-anchor="middle" class="name" fill="{COLOURS[method]}">{NAMES[method]}, β</text>')
    style = (
        "text{font:13px sans-serif;fill:#57606a}.title{font-size:15px;font-weight:600;fill:#1f2328}.name{font-weight:600}"
        ".grid{stroke:#d0d7de}.half{stroke:#57606a;stroke-dasharray:4 3}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">'
        f"<title>Win-rate by method and beta</title><desc>{escape(' '.join(sentences))}</desc><style>{style}</style>"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>{"".join(marks)}</svg>\n'
    )


def y_of(percent):
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - max(0, min(100, percent)) / 100)
