"""What a fitted model says of itself: sources, accuracy, confidence, interests, relatedness."""
