# Values for TestOracle: the four segmental measures by their plain formulas (no FFT, no recursion, general linear solver), in double
# precision, standard library alone. The signals are made of integers, so that the Go test makes the very same ones.
#
#   python3 oracle.py > oracle.json          (Python 3.8 or later; half a minute)

import cmath
import json
import math

EPS = 2.0**-52
CENTRES = [50, 120, 190, 260, 330, 400, 470, 540, 617.372, 703.378, 798.717, 904.128, 1020.38, 1148.30, 1288.72, 1442.54, 1610.70,
           1794.16, 1993.93, 2211.08, 2446.71, 2701.97, 2978.04, 3276.17, 3597.63]
WIDTHS = [70] * 7 + [77.3724, 86.0056, 95.3398, 105.411, 116.256, 127.914, 140.423, 153.823, 168.154, 183.457, 199.776, 217.153,
                     235.631, 255.255, 276.072, 298.126, 321.465, 346.136]


def signals(n):
    state, low, clean, noisy = 1, 0, [], []

    def rand():
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return (state >> 16) - 32768

    for i in range(n):
        low = (15 * low + rand()) >> 4
        envelope = abs(i % 2000 - 1000)
        clean.append(low * envelope >> 10)
        noisy.append(clean[-1] + (rand() >> 5))
    return [v / 32768 for v in clean], [v / 32768 for v in noisy]


def spectrum(x, size):
    turn = [cmath.exp(-2j * math.pi * k / size) for k in range(size)]
    return [sum(v * turn[i * k % size] for i, v in enumerate(x)) for k in range(size // 2 + 1)]


def solve(a, b):
    rows = [r + [v] for r, v in zip(a, b)]
    n = len(rows)
    for i in range(n):
        p = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[p] = rows[p], rows[i]
        for r in range(n):
            if r != i:
                f = rows[r][i] / rows[i][i]
                rows[r] = [u - f * v for u, v in zip(rows[r], rows[i])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def lags(x, order):
    return [sum(x[i] * x[i + k] for i in range(len(x) - k)) for k in range(order + 1)]


def predictor(r):
    n = len(r) - 1
    return [1] + [-v for v in solve([[r[abs(i - j)] for j in range(n)] for i in range(n)], r[1:])]


def quadratic(a, r):
    return sum(a[i] * a[j] * r[abs(i - j)] for i in range(len(a)) for j in range(len(a)))


def levels(x, rate):
    size = 1
    while size < 2 * len(x):
        size *= 2
    power = [abs(c) ** 2 for c in spectrum(x, size)][:size // 2]
    out = []
    for c, w in zip(CENTRES, WIDTHS):
        centre, width = math.floor(c / (rate / 2) * (size // 2)), w / (rate / 2) * (size // 2)
        g = [math.exp(-11 * ((k - centre) / width) ** 2 + math.log(70 / w)) for k in range(size // 2)]
        e = sum(a * p for a, p in zip(g, power) if a > math.exp(-30 / (2 * 2.303)))
        out.append(10 * math.log10(max(e, 1e-10)))
    return out


def weights(e):
    out = []
    for b in range(24):
        n = b
        if e[b + 1] - e[b] > 0:
            while n < 24 and e[n + 1] - e[n] > 0:
                n += 1
            peak = e[n - 1]
        else:
            while n >= 0 and e[n + 1] - e[n] <= 0:
                n -= 1
            peak = e[n + 1]
        out.append(20 / (20 + max(e) - e[b]) / (1 + peak - e[b]))
    return out


def slope_distance(s, e):
    w = [(a + b) / 2 for a, b in zip(weights(s), weights(e))]
    d = [(s[b + 1] - s[b] - e[b + 1] + e[b]) ** 2 for b in range(24)]
    return sum(a * b for a, b in zip(w, d)) / sum(w)


def lowest(d):
    d = sorted(d)[:round(0.95 * len(d))]
    return sum(d) / len(d)


def lsd(x, y, rate):
    size = round(0.032 * rate)
    w = [(1 - math.cos(2 * math.pi * i / size)) / size for i in range(size)]
    total = []
    for at in range(0, len(x) - size + 1, size // 4):
        s = spectrum([a * b for a, b in zip(w, x[at:])], size)
        e = spectrum([a * b for a, b in zip(w, y[at:])], size)
        d = [(20 * math.log10((abs(a) + 1e-6) / (abs(b) + 1e-6))) ** 2 for a, b in zip(s, e)]
        total.append(math.sqrt(sum(d) / len(d)))
    return sum(total) / len(total)


def scores(rate, n):
    x, y = signals(n)
    size, step, order = round(0.03 * rate), int(0.0075 * rate), 16 if rate >= 10000 else 10
    w = [0.5 * (1 - math.cos(2 * math.pi * k / (size + 1))) for k in range(1, size + 1)]
    snr, llr, wss = [], [], []
    for at in range(0, len(x) - size + 1, step):
        s, e = [a * b for a, b in zip(w, x[at:])], [a * b for a, b in zip(w, y[at:])]
        ratio = sum(a * a for a in s) / (sum((a - b) ** 2 for a, b in zip(s, e)) + EPS)
        snr.append(min(35, max(-10, 10 * math.log10(ratio + EPS))))
        r = lags(s, order)
        llr.append(math.log(quadratic(predictor(lags(e, order)), r) / quadratic(predictor(r), r)))
        wss.append(slope_distance(levels(s, rate), levels(e, rate)))
    snr, llr, wss = snr[:-1], llr[:-1], wss[:-1]
    return {"rate": rate, "samples": n, "snr": sum(snr) / len(snr), "lsd": lsd(x, y, rate),
            "llr": lowest([min(2, v) for v in llr]), "llr_unlimited": lowest(llr), "wss": lowest(wss)}


print(json.dumps([scores(16000, 5000), scores(8000, 4000)], indent=1))
