"""Broken proofs and drafts with holes: refined, cut, filled, asked again."""
