"""Beginnings of stories, and the rule that prefers one continuation to another."""

import re

NAMES = "Lily Tom Ben Mia Max Anna Sam Sue Tim Lucy Jack Amy Bob Sara Leo Kim Joe Ella Dan Zoe".split()
KINDS = "girl boy cat dog bird bunny bear fish frog duck".split()
QUALITIES = "little big small brave shy old young tired".split()
EVENTS = (
    "went to the park",
    "was very sad",
    "found a box",
    "lost a toy",
    "saw a big tree",
    "wanted to play",
    "was scared of the rain",
    "met a friend",
    "walked in the forest",
    "was alone at home",
)

CHEERFUL = set(
    "happy happily smile smiled smiles laugh laughed love loved loves fun play played playing friend friends hug hugged"
    " thank thanked glad joy proud kind nice good better best beautiful yay".split()
)
GLOOMY = set(
    "sad sadly cry cried crying scared scary afraid hurt mad angry lost alone bad worse worst mean sorry upset pain broke broken".split()
)


def beginnings(rng, count):
    """So many different ones, in a random order."""
    all_of_them = [
        f"Once upon a time, there was a {quality} {kind} named {name}. One day, {name} {event}."
        for name in NAMES
        for kind in KINDS
        for quality in QUALITIES
        for event in EVENTS
    ]
    return rng.sample(all_of_them, count)


def cheer(text):
    """Different cheerful words less different gloomy ones."""
    words = set(re.findall(r"[a-z]+", text.lower()))
    return len(words & CHEERFUL) - len(words & GLOOMY)


def win(answer, other):
    """1 where the rule prefers the answer, 0 where it prefers the other, a half where it prefers neither."""
    a, b = cheer(answer), cheer(other)
    return 0.5 if a == b else float(a > b)


def whole_sentences(text):
    """Up to the last full stop."""
    end = max(text.rfind(mark) for mark in ".!?")
    return text[: end + 1]


def first_sentences(text, count=2):
    return "".join(re.findall(r"[^.!?]*[.!?]+", text)[:count]) or text


def pair(prompt, texts):
    """The most cheerful continuation against the least; None where the rule does not tell them apart."""
    kept = [text for text in texts if text.strip()]
    if not kept:
        return None
    best, worst = max(kept, key=cheer), min(kept, key=cheer)
    return {"prompt": prompt, "chosen": best, "rejected": worst} if cheer(best) > cheer(worst) else None
