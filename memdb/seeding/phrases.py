"""The words of which synthetic memories are made. Subjects and facets are the topics of their embeddings."""

from typing import NamedTuple


class Subject(NamedTuple):
    """What a memory is about: `name` follows "about", `goal` follows "I want to"."""

    category: str
    stressor: str
    name: str
    goal: str


# Eight categories of six subjects each: the areas and subjects of memdb.seeding.embeddings, in its order.
SUBJECTS = tuple(
    Subject(category, *row)
    for category, rows in {
        "work": [
            ("deadlines", "the quarterly report", "hand in the quarterly report a day early"),
            ("workload", "the release at work", "ship the release without working weekends"),
            ("conflict", "my manager", "talk openly with my manager every month"),
            ("uncertainty", "the reorganisation of my team", "find my place in the new team"),
            ("job search", "my next job", "apply for three jobs that I really want"),
            ("visibility", "the talk at the conference", "give the talk without reading from slides"),
        ],
        "family": [
            ("care", "my mother's health", "visit my mother every other week"),
            ("parenting", "my daughter's school", "be home for homework three days a week"),
            ("conflict", "my brother", "settle the argument with my brother"),
            ("sleepless nights", "the new baby", "share the nights fairly with my partner"),
            ("expectations", "the holidays with my parents", "plan the holidays so that everybody rests"),
            ("separation", "the divorce", "agree on a calm routine after the divorce"),
        ],
        "health": [
            ("poor sleep", "my sleep", "be in bed by eleven on weekdays"),
            ("pain", "my back", "do the back exercises every morning"),
            ("body image", "my weight", "cook at home five days a week"),
            ("low energy", "running", "run ten kilometres without a break"),
            ("medical tests", "the results from the doctor", "get the check-ups done this quarter"),
            ("habits", "drinking less", "get through a month without alcohol"),
        ],
        "relationships": [
            ("loneliness", "making friends in a new city", "meet somebody new every week"),
            ("distance", "my oldest friend", "call my oldest friend every Sunday"),
            ("trust", "the relationship with Sam", "say what I need before I am angry"),
            ("dating", "dating again", "go on one date a month without pressure"),
            ("boundaries", "saying no", "say no to one request a week"),
            ("grief", "losing my grandfather", "write down what I remember of my grandfather"),
        ],
        "money": [
            ("debt", "the credit card", "pay off the credit card by summer"),
            ("rent", "the rent", "find a flat that I can afford"),
            ("savings", "my savings", "save three months of expenses"),
            ("taxes", "the tax return", "file the tax return before the deadline"),
            ("spending", "what I spend on trifles", "keep a budget for half a year"),
            ("income", "the freelance work", "find two regular clients"),
        ],
        "home": [
            ("moving", "the move to the new flat", "be unpacked within a month"),
            ("clutter", "the mess in the cellar", "clear the cellar shelf by shelf"),
            ("noise", "the neighbours upstairs", "speak with the neighbours calmly"),
            ("repairs", "the leaking roof", "have the roof repaired before winter"),
            ("chores", "who does the chores", "agree on a plan for the chores"),
            ("gardening", "the garden", "grow our own tomatoes"),
        ],
        "learning": [
            ("exams", "the statistics exam", "pass the statistics exam"),
            ("thesis", "my thesis", "write a page of the thesis a day"),
            ("language", "learning Spanish", "hold a conversation in Spanish"),
            ("practice", "playing the piano", "play one piece by heart"),
            ("self-doubt", "learning to program", "finish a small app of my own"),
            ("attention", "reading more", "read two books a month"),
        ],
        "self": [
            ("perfectionism", "my perfectionism", "call a thing done when it is good enough"),
            ("overthinking", "lying awake and thinking", "write my worries down before bed"),
            ("screen time", "the time on my phone", "keep the phone out of the bedroom"),
            ("meaning", "what I want from life", "write a letter to myself in five years"),
            ("anger", "losing my temper", "pause before I answer"),
            ("stillness", "meditation", "sit quietly for ten minutes a day"),
        ],
    }.items()
    for row in rows
)

FACETS = (
    "getting started",
    "the time it takes",
    "what it costs me",
    "what others might say",
    "the fear of failing",
    "keeping at it",
    "having to do it alone",
    "the doubt whether it is worth it",
)

EMOTIONS = ("anxious", "overwhelmed", "sad", "frustrated", "hopeful", "ashamed", "calm", "lonely", "tense", "proud")
MOMENTS = (
    "In the morning",
    "At lunch",
    "On the way home",
    "Late at night",
    "At the weekend",
    "Before the meeting",
    "After dinner",
    "On the train",
    "When it got quiet",
    "In the middle of the week",
)
PEOPLE = ("my sister", "a colleague", "Sam", "my neighbour", "my therapist", "an old friend", "my partner", "my father")
COPING = (
    "A walk around the block helps.",
    "Music helps more than talking.",
    "I prefer to sleep on it first.",
    "Writing it down makes it smaller.",
    "I like to be asked, not advised.",
    "Breathing slowly works for me.",
    "I need some time alone then.",
    "It helps to break it into small steps.",
    "Mornings are my best time for it.",
    "A cup of tea and ten minutes off do a lot.",
)
SOON = ("today", "tonight", "tomorrow", "this week", "before you sleep", "at the weekend")
MILESTONES = (
    "first step taken",
    "plan written",
    "first week kept",
    "halfway review",
    "obstacle named",
    "help arranged",
    "routine in place",
    "final stretch",
)
SOURCES = {
    "personal": ("conversation", "onboarding", "journal", "preferences"),
    "project": ("goal_setting", "conversation", "weekly_review", "journal"),
    "task": ("chat", "voice", "check_in", "chat"),
}

PERSONAL = (
    "I feel {emotion} when I think about {subject}, above all about {facet}. {coping}",
    "{moment}, {subject} was on my mind again, and I was {emotion} because of {facet}. {coping}",
    "When {person} asked me about {subject}, I noticed how {emotion} I am; it is about {facet}. {coping}",
    "With {subject} the hard part is {facet}. It leaves me {emotion}. {coping}",
    "I told {person} that {subject} makes me {emotion}. It comes down to {facet}. {coping}",
    "{moment} I am often {emotion} about {subject}: it is {facet}. {coping}",
)
PROJECT = (
    "Goal: {goal}. Milestone: {milestone}, {percentage} % done. What slows me down is {facet}. {coping}",
    "I want to {goal}. {moment} I worked on it again; I am at {percentage} %, with {milestone}.",
    "{percentage} % of the way to my goal to {goal}: {milestone}. Still open: {facet}. {moment} I go on.",
    "With {person} I went through my plan to {goal}. Now: {milestone} ({percentage} %). Watch {facet}.",
    "Plan for {subject}: {goal}. {coping} Milestone: {milestone}, so far {percentage} %.",
)
ASKED = {
    "question": "How do others deal with {subject}? For me it is {facet}. {moment} I was {emotion}.",
    "venting": "{moment} it was too much: {subject}, and then {facet}. I talked to {person}.",
    "check_in": "I am {emotion} today. It is about {subject} again, mostly {facet}. {coping}",
    "planning": "{moment} I have half an hour for {subject}. What about {facet}? {coping}",
    "celebration": "I made progress with {subject}, and {person} noticed! Even {facet} was easier.",
    "reflection": "I talked to {person} about {subject}. Perhaps it is really about {facet}. {coping}",
}
REPLIED = {
    "warm": "I am glad you told me. What would feel kind to yourself {soon}?",
    "curious": "What is it about {facet} that stays with you {soon}?",
    "encouraging": "You have managed such days before. What could help you {soon}?",
    "calm": "Let us slow down together. What is the smallest next step {soon}?",
    "practical": "Let us write down one thing about {subject} that you could do {soon}.",
    "playful": "If {facet} were a character, what would you tell it {soon}?",
}
TASK = {
    (exchange_type, tone): f"User: {asked} Eliza: {replied}"
    for exchange_type, asked in ASKED.items()
    for tone, replied in REPLIED.items()
}

# Filled in like the sentences, which is ten times cheaper than encoding; no word here needs escaping in JSON.
METADATA = {
    "personal": '{{"stressor": "{stressor}", "emotion": "{emotion}", "category": "{category}", '
    '"intensity": {intensity}, "source": "{source}", "access_count": {access_count}}}',
    "project": '{{"goal_id": "goal-{owner}-{subject_number:02}", "milestone": "{milestone}", '
    '"completion_percentage": {percentage}, "source": "{source}", "access_count": {access_count}}}',
    "task": '{{"conversation_id": "conversation-{owner}-{conversation:03}", "exchange_type": "{exchange_type}", '
    '"eliza_response_tone": "{tone}", "source": "{source}", "access_count": {access_count}}}',
}
