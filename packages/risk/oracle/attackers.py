"""Debian's scikit-learn on the same features: reads {train, people, test, answers} as JSON, prints rank-1 by attacker.

Classifiers are the counterparts of those in src/attackers; settings are the same where both have them.
"""
import json
import sys

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

data = json.load(sys.stdin)
scale = StandardScaler().fit(np.array(data["train"]))
train, test = scale.transform(np.array(data["train"])), scale.transform(np.array(data["test"]))
people, answers = np.array(data["people"]), np.array(data["answers"])
classifiers = {
    "linear discriminant": LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2),
    "nearest neighbours": KNeighborsClassifier(n_neighbors=3, metric="manhattan", weights="distance"),
    "random trees": ExtraTreesClassifier(n_estimators=60, min_samples_leaf=2, random_state=1),
    "neural embedding": MLPClassifier(hidden_layer_sizes=(48,), max_iter=300, random_state=1),
}
print(json.dumps({name: float(np.mean(one.fit(train, people).predict(test) == answers)) for name, one in classifiers.items()}))
