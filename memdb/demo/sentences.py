"""What somebody told a companion, and what is asked of it in other words."""

SENTENCES = {
    "personal": (
        "I cannot start the day without a double espresso.",
        "My sister moved to Lisbon with her two kids.",
        "I am allergic to peanuts, so I always read the label.",
        "Running along the river clears my head.",
        "I still miss the dog we had when I was a child.",
        "Crowded rooms make me nervous; I prefer to meet people one at a time.",
        "I grew up in a small village near the coast.",
        "My grandfather taught me to play chess.",
        "I sleep badly when I look at my phone in bed.",
        "When I am sad, I cook the soup that my mother used to make.",
        "I would rather be asked than advised.",
        "I am left-handed.",
    ),
    "project": (
        "I want to run a half marathon in autumn.",
        "By the end of the year I want to speak enough Portuguese for a visit to my family there.",
        "I am saving for a small flat of my own.",
        "My plan is to finish the first draft of my novel before the summer.",
        "I want to learn to play the guitar well enough for a song at the wedding of a friend.",
        "I have promised myself to say no to one request a week.",
        "We are planning to grow vegetables on the balcony.",
        "I am trying to bring my blood pressure down without medicine.",
    ),
    "task": (
        "The landlord wants more money every month from May on.",
        "The board presentation was moved to Thursday.",
        "My guitar teacher says that I should practise scales.",
        "I forgot to call the dentist again.",
        "The train was late, so I missed the beginning of the play.",
        "The tomatoes have their first leaves.",
        "I had an argument with a colleague about who should fix the broken build.",
        "The doctor's letter with the results has not come yet.",
        "My knee hurts since the long run on Sunday.",
        "I bought tickets for a flight on the twelfth of June.",
        "Somebody at work praised the way I ran the meeting.",
        "The washing machine is leaking.",
    ),
}

QUESTIONS = (
    "what hot drink in the morning",
    "is the rent going up",
    "family abroad",
    "what food is dangerous for me",
)
