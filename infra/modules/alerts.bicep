// The three alerts that mean that research stands still.
param location string
param tags object
param emails string[]
param busId string
param insightsId string

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-exp'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'serverless'
    enabled: true
    emailReceivers: [for email in emails: { name: email, emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'dead letters'
  location: 'global'
  tags: tags
  properties: {
    description: 'A message could not be handled. exp dead-letters list shows it with its reason.'
    severity: 2
    enabled: true
    scopes: [busId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        { criterionType: 'StaticThresholdCriterion', name: 'dead', metricName: 'DeadletteredMessages', operator: 'GreaterThan', threshold: 0, timeAggregation: 'Average' }
      ]
    }
    actions: [{ actionGroupId: people.id }]
  }
}

resource waiting 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'runs wait and nothing takes them'
  location: 'global'
  tags: tags
  properties: {
    description: 'Messages lie in the queues and none was completed for half an hour: no worker starts, or all are busy.'
    severity: 3
    enabled: true
    scopes: [busId]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT30M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        { criterionType: 'StaticThresholdCriterion', name: 'waiting', metricName: 'ActiveMessages', operator: 'GreaterThan', threshold: 0, timeAggregation: 'Minimum' }
        { criterionType: 'StaticThresholdCriterion', name: 'idle', metricName: 'CompleteMessage', operator: 'LessThanOrEqual', threshold: 0, timeAggregation: 'Total' }
      ]
    }
    actions: [{ actionGroupId: people.id }]
  }
}

resource failing 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'functions fail'
  location: location
  tags: tags
  properties: {
    description: 'More than one in ten calls of the API or of an event handler failed.'
    severity: 2
    enabled: true
    scopes: [insightsId]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    criteria: {
      allOf: [
        {
          query: 'requests | summarize failed = countif(toint(resultCode) >= 500 or success == false and isempty(resultCode)), total = count() | where total > 10 and failed * 10 > total'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}
