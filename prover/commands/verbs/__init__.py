"""One file for each verb: its options, and from which parts it does its work.

What a verb does is imported when it runs, so that its help is quick.
"""
