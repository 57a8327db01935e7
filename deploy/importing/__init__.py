"""Imports from other products: reads exports and says in our words what they hold. Knows no database."""
