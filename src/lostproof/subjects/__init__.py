"""Subjects: real reconcile code, in any language, that can be asked what a sweep decides."""
