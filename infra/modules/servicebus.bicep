// Queues that wake, one a machine class; the queue of changed files, which Event Grid sends to; and the topic of run events.
param location string
param tags object
param suffix string
param machines string[]
param privateNetwork bool

var subscriptions = ['platform', 'triggers', 'notices']

// The record's own budgets decide when a run has had its chances; the broker must not decide before them.
var deliveriesWithoutEnd = 2000

resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: 'sb-exp-${suffix}'
  location: location
  tags: tags
  // Standard: topics, scheduled messages and duplicate detection need it. Private endpoints need Premium, which has a price by the hour.
  sku: privateNetwork ? { name: 'Premium', tier: 'Premium', capacity: 1 } : { name: 'Standard', tier: 'Standard' }
  properties: { disableLocalAuth: true, minimumTlsVersion: '1.2', publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled' }
}

// Event Grid comes from outside, as a service that Azure trusts, with an identity of its own.
resource doors 'Microsoft.ServiceBus/namespaces/networkRuleSets@2024-01-01' = if (privateNetwork) {
  parent: bus
  name: 'default'
  properties: { publicNetworkAccess: 'Disabled', defaultAction: 'Deny', trustedServiceAccessEnabled: true }
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
    // A wake that nobody took in a day just goes: the run is sent another every hour as long as it waits, and must not end because the machines were busy.
    deadLetteringOnMessageExpiration: false
    defaultMessageTimeToLive: 'P1D'
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

// Each function that listens has a subscription of its own name. One that is sent a dead letter again names itself, and no other takes that.
resource listeners 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = [for name in subscriptions: {
  parent: events
  name: name
  properties: { lockDuration: 'PT1M', maxDeliveryCount: 50, deadLetteringOnMessageExpiration: true, defaultMessageTimeToLive: 'P14D' }
}]

resource recipients 'Microsoft.ServiceBus/namespaces/topics/subscriptions/rules@2024-01-01' = [for (name, i) in subscriptions: {
  parent: listeners[i]
  name: '$Default'
  properties: { filterType: 'SqlFilter', sqlFilter: { sqlExpression: 'recipient IS NULL OR recipient = \'${name}\'' } }
}]

output id string = bus.id
output name string = bus.name
output endpoint string = replace(replace(bus.properties.serviceBusEndpoint, 'https://', ''), ':443/', '')
output filesName string = files.name
output filesId string = files.id
