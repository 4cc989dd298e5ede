"""Views of results: plain data, text for people, timelines, and single things shown in several formats."""
