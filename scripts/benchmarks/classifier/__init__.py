"""What the classifier is worth: right answers on labelled logs (`exam`), speed on large ones (`speed`)."""
