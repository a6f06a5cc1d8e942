"""The screens for acting on alerts: the work list, one alert, the page of a patient with live alerts, the records."""
