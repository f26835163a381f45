"""Addresses and numbers of people become placeholders: e-mail addresses, phone numbers, public IP addresses.

A placeholder is never longer than what it stands for, so a text never grows; line breaks stay, and a paragraph is never
left empty. What looks like a number of another kind (a date, an ISBN, a price, a version, an id) stays: where it is not
clear, nothing is masked. docs/method.md says what is found and what is not.

    kinds                        the masks and their placeholders
    emails, phones, addresses    what is found, each with its rules
    masker                       all of it together, on a document
"""
