"""What presence counts for Prometheus. Labels never hold a user."""

from prometheus_client import Counter

TRANSITIONS = Counter("chatcraft_presence_transitions_total", "Users who came online or went offline", ["to"])
ANNOUNCEMENTS = Counter("chatcraft_presence_announcements_total", "People due to be announced", ["outcome"])
SWEEPS = Counter("chatcraft_presence_sweeps_total", "Looks for dead nodes", ["outcome"])
TURNED_AWAY = Counter("chatcraft_presence_turned_away_total", "Users given fewer places than asked for")
SWEPT_USERS = Counter("chatcraft_presence_swept_users_total", "Users released from dead nodes")
