"""Language models trained on what `lakatos extract` wrote, by the packages trl and peft."""
