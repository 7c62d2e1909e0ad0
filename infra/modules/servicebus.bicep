// Queues that wake, one a machine class; the queue of changed files, which Event Grid sends to; and the topic of run events.
param location string
param tags object
param suffix string
param machines string[]

// The record's own budgets decide when a run has had its chances; the broker must not decide before them.
var deliveriesWithoutEnd = 2000

resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: 'sb-exp-${suffix}'
  location: location
  tags: tags
  // Standard: topics, scheduled messages and duplicate detection need it.
  sku: { name: 'Standard', tier: 'Standard' }
  properties: { disableLocalAuth: true, minimumTlsVersion: '1.2' }
}

resource runs 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [for machine in machines: {
  parent: bus
  name: 'runs-${machine}'
  properties: {
    // Never longer than a worker's lease: the broker's redelivery is how a lost worker is noticed.
    lockDuration: 'PT30S'
    maxDeliveryCount: deliveriesWithoutEnd
    requiresDuplicateDetection: true
    duplicateDetectionHistoryTimeWindow: 'PT10M'
    deadLetteringOnMessageExpiration: true
    defaultMessageTimeToLive: 'P14D'
  }
}]

resource files 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = {
  parent: bus
  name: 'file-events'
  properties: { lockDuration: 'PT1M', maxDeliveryCount: 50, deadLetteringOnMessageExpiration: true, defaultMessageTimeToLive: 'P14D' }
}

resource events 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' = {
  parent: bus
  name: 'events'
  properties: { requiresDuplicateDetection: true, duplicateDetectionHistoryTimeWindow: 'PT10M', defaultMessageTimeToLive: 'P14D' }

  resource platform 'subscriptions' = {
    name: 'platform'
    properties: { lockDuration: 'PT1M', maxDeliveryCount: 50, deadLetteringOnMessageExpiration: true }
  }

  resource triggers 'subscriptions' = {
    name: 'triggers'
    properties: { lockDuration: 'PT1M', maxDeliveryCount: 50, deadLetteringOnMessageExpiration: true }
  }

  resource notices 'subscriptions' = {
    name: 'notices'
    properties: { lockDuration: 'PT1M', maxDeliveryCount: 50, deadLetteringOnMessageExpiration: true }
  }
}

resource webhooks 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = {
  parent: bus
  name: 'webhooks'
  properties: {
    lockDuration: 'PT1M'
    maxDeliveryCount: 50
    requiresDuplicateDetection: true
    duplicateDetectionHistoryTimeWindow: 'PT10M'
    deadLetteringOnMessageExpiration: true
    defaultMessageTimeToLive: 'P14D'
  }
}

output id string = bus.id
output name string = bus.name
output endpoint string = replace(replace(bus.properties.serviceBusEndpoint, 'https://', ''), ':443/', '')
output filesName string = files.name
output filesId string = files.id
